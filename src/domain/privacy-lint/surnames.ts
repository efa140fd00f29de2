/**
 * The surnames of about 98 in 100 people in China, one character each.
 */
export const SURNAMES: ReadonlySet<string> = new Set(
  '王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖萧田董袁潘蒋蔡余于杜叶程苏魏吕丁任沈姚卢姜崔钟锺谭陆汪范金石廖贾夏韦傅付方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关向兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁房滕屈饶解牟艾尤时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂佟应臧闵苟邬边卞姬和仇栾隋刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢扬奚'.split(
    '',
  ),
);
/** 百家姓: surnames of two characters. */
export const COMPOUND_SURNAMES: readonly string[] =
  '欧阳 上官 司马 诸葛 皇甫 尉迟 公孙 慕容 令狐 夏侯 司徒 东方 长孙 宇文 轩辕 端木 南宫 独孤 西门 百里 呼延 东郭 闻人 澹台 公冶 濮阳 淳于 单于 太叔 申屠 仲孙 钟离 鲜于 闾丘 司空 亓官 万俟 拓跋 赫连 第五 申公 纳兰 完颜 叶赫 那拉'.split(
    ' ',
  );

/** Surnames in pinyin, as English notices write them; `Lv` and `Lyu` are both in passports. */
export const PINYIN_SURNAMES: ReadonlySet<string> = new Set(
  'wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang han deng feng cao peng zeng xiao tian dong yuan pan jiang cai yu du ye cheng su wei lv lyu lu ding ren shen yao cui zhong tan fan jin shi liao jia xia fu fang bai zou meng xiong qin qiu yin xue yan duan lei hou long tao mao hao gong shao wan qian dai mo kong xiang wen kang niu ge xing an qi yi qiao pang ni zhuang nie zhai zhan shu ouyang sima zhuge shangguan huangfu murong situ'.split(
    ' ',
  ),
);

/** Everyday words that begin like a surname with a given name; none of them is a name. */
export const NOT_NAMES =
  /^(?:高度|高速|高档|高额|高价|许多|许可|方面|方式|方法|时间|时常|时候|方向|全部|通过|经过|任何|任意|任务|任职|应当|应该|应急|成功|成立|成员|成年|安全|安排|安装|钱款|钱财|钱包|金额|金属|金融|金钱|车辆|车主|车内|车牌|马上|马路|白天|白色|黄金|黄色|温州|温馨|江苏|江西|江北|江南|江东|江城|湖北|周边|周围|周末|施工|施救|施暴|何时|何处|何种|何人|连续|连夜|连同|易于|关于|关系|关闭|关注|单独|单位|单身|包括|包庇|包裹|包含|解救|解释|解决|管理|管控|管辖|管制|平台|项目|余款|余额|明知|明确|明显|费用|盛大|党员|党委|符合|景区|游客|游泳|古董|农民|农村|农业|计划|冷静|乐队|路过|路边|路上|路段|路口|查获|查明|查询|查看|查处|干扰|申请|申报|申诉|季度|宗教|房产|房屋|房间|房主|边境|文化|文字|文件|左右|左侧|石材|谈话|毛巾|危险|苗头|广州|南京|南昌|南宁|南方|原因|原籍|原来|荣获|官方|官网|封闭|封锁|储存|储蓄|万元|万余|司机|司法|纪律|纪委|尚未|尚在|尚有|尚需|曾经|曾多|曾因|曾在|曾有|曾是|曾用|向民|严重|严格|严厉|严惩|严肃|武汉|武器|武装|田地|林区|林地|丁字|卫生|卫星|胡乱|史上|康复|龙头|石家|叶子|华东|华南|华北|单方|单车|付款|付出|简单|简称|简要|童年|童车|章程|章节|左转|江边|江中|江面|牛奶|安徽|安庆|宁波|宁夏|吉林|广东|广西|贵州|云南|陕西|山西|甘肃|文明|乐山|郑州|徐州|苏州|杭州|福州|梅州|柳州|惠州|成都|程序|程度|游玩|钟点|钟表|高中|高空|高层|高龄|高危|高校|高铁|安检|安置|施行|沙滩|池塘|车祸|车站|车厢|车库|毕业|左臂|左腿|古镇|古城|齐全|辛苦|凌晨|雷电|温度|温泉|白酒|石头|金发|左手|左眼|左耳|方言|时尚|黄发|黄皮|马匹|牛羊|麻将|麻醉|仇恨|荣誉|项链|包厢|包间|金条|金店|金项|冷藏|申领|兰州|盛装|应聘|应邀|应对|应从|应按|应及|应为|应在|应由)/;
